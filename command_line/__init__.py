"""What every command shares: errors in one line, flags, files that appear whole or not at all."""
