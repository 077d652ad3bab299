"""Files and feeds: chain files and their layouts, series files, HTTP, Yahoo, Cboe, the local archive, atomic writes."""
