"""What is done to a note: one module a stage, none importing another; they meet only in Note."""
