"""`polydoor frontend test`: a client of its own that goes through a front end, checks, and what to change."""
