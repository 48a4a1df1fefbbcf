-- The code of this revision reads and writes what these migrations have made; earlier code knows nothing of it, and runs on.
update switchyard.self set revision = 9;

notify pgrst, 'reload schema';
