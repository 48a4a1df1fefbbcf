-- Fields of the kind url: what shared/postgres/schema/value-functions-sql.ts prints for them.

-- The address of a page or a file, http or https.

create or replace function switchyard.is_web_address(value text) returns boolean
language sql immutable parallel safe set search_path = ''
return value ~ '^[hH][tT][tT][pP][sS]?://[^\U00000009-\U0000000d\U00000020\U000000a0\U00001680\U00002000-\U0000200a\U00002028-\U00002029\U0000202f\U0000205f\U00003000\U0000feff\U00000001-\U00000020\U00000022\U0000003c\U0000003e\U0000005c\U0000005e\U00000060\U0000007b-\U0000007d\U0000007f-\U000000a0\U0000002f\U0000003f\U00000023]+([/?#][^\U00000009-\U0000000d\U00000020\U000000a0\U00001680\U00002000-\U0000200a\U00002028-\U00002029\U0000202f\U0000205f\U00003000\U0000feff\U00000001-\U00000020\U00000022\U0000003c\U0000003e\U0000005c\U0000005e\U00000060\U0000007b-\U0000007d\U0000007f-\U000000a0]*)?$';
select switchyard.seal_function('switchyard.is_web_address(text)', '{authenticated, service_role}');
