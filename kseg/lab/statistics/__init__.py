"""Does one figure differ from another, and does a paper's claim hold?"""
