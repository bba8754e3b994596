-- Purpose: the number of a namespace. Parameters: $1 text its name. Result: a row, or none.
SELECT number FROM namespace WHERE name = $1;
