"""The spine of the study: records and arrays, verdicts, tables, parameters."""
