"""From a record to a page: tables, plots, and what we hold ourselves to. Nothing is measured."""
