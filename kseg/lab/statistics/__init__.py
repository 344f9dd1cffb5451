"""Does one figure differ from another, and does what a paper says hold?"""
