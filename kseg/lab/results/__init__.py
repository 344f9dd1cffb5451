"""The measurements of jobs, as rows, and how they are collected."""
