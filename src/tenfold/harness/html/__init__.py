"""What every page is made of: its frame, its markup, charts and pictures, in one offline file."""
