-- The code of this revision reads what these migrations have made, and earlier code writes columns that are gone.
update switchyard.self set revision = 3, oldest_code = 3;

notify pgrst, 'reload schema';
