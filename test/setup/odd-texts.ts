/** Texts at the edge of what is a name or an address. */

/** What shows nothing, or nothing that stands by itself. */
export const BLANKS = [
  "",
  " ",
  "\t\n",
  "\u00a0",
  "\u3000",
  "\ufeff",
  "\u200b",
  "\u2060\u200d",
  "\u202e",
  "\u00ad",
].concat(["\u3164", "\u2800", "\u115f\u1160", "\uffa0", "\u0301\u0308", "\ufe0f", "\u{e0041}", "\u0007"]);

export const ADDRESSES = [
  ...["mina@example.org", "A.B+c@Example.ORG", "o'x!#$%&*+/=?^_`{|}~-@b.de", "a@b-c.d-e.co", "a@xn--80ak6aa92e.com"],
  ...["用户@例子.广告", "θσερ@εχαμπλε.ψομ", "Dörte@Sörensen.example.com", "अजय@डाटा.भारत", "😀@b.de"],
];

export const NO_ADDRESSES = [
  ...[
    "javascript:alert(1)",
    "x",
    "a@b",
    "@b.de",
    "a@",
    "a..b@c.de",
    ".a@c.de",
    "a@-b.de",
    "a@b-.de",
    "a@b..de",
    "a@b.c",
  ],
  ...["a@1.2.3.4", "a b@c.de", "a@b.de\n", "\u200ba@b.de", "a@b\u00a0c.de", "<a>@b.de", "a@b_c.de", "a@b.de,c@d.de"],
];
