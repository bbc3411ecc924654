"""What failed, who owns it, whom to tell; names its subjects by kind and id."""
