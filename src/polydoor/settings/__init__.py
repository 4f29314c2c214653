"""Settings: each is declared once, in `catalog`, and everything else is made from that row.

`option` is the type of a row, `catalog` holds the rows, `listener` reads addresses, `load` merges the sources and
`show` writes the help. Nothing here imports more than the interpreter has loaded anyway.
"""
