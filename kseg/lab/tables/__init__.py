"""Tables of a recipe, of losses, of tests, and of a paper's figures beside ours."""
