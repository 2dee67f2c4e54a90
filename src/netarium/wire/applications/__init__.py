"""What programs say to each other: names, addresses, mail, pages, files, shells."""
