"""Pure decisions of the tender: no I/O, no clock, no database. Each cites the article it carries out."""
