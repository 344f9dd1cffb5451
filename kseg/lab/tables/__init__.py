"""Tables: of a recipe, of losses, of tests, and a paper's figures beside ours."""
