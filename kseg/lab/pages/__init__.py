"""Pages for people: a study's report, the same images under two losses, the marked tables of documents."""
