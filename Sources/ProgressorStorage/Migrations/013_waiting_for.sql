-- What a machine's process waits for, as its processor says, for people. NULL = it does not say.
-- Nodes of older versions leave it as it is.
ALTER TABLE machine ADD COLUMN waiting_for text;

INSERT INTO schema_migration (number, name) VALUES (13, 'waiting_for');
