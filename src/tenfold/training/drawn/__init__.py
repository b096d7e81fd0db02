"""What is drawn to learn from: digits as hands, pens, paper and light make them, lines, and what is none."""
