"""What jobs measured, as rows, and how they are collected."""
