"""What a retry of a case means, one remedy per kind of subject: foreseen, done, and followed to its end."""
