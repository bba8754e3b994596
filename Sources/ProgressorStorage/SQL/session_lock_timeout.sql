-- Purpose: bound the waits for locks of this transaction.
-- Parameters: $1 text milliseconds.
SELECT set_config('lock_timeout', $1, true);
