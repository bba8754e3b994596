-- Purpose: name a session after the node and its part in it, so that another node can find and end
-- it when it is frozen with locks in hand.
-- Parameters: $1 text the application name.
SELECT set_config('application_name', $1, false);
