-- Purpose: bound the time of each later statement of this transaction; the server cancels it then.
-- Parameters: $1 text milliseconds.
SELECT set_config('statement_timeout', $1, true);
