-- Purpose: numbers and names of all namespaces, by name, where a row cannot be read as a whole.
SELECT number, name FROM namespace ORDER BY name;
