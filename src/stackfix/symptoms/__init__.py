"""What an error text means: text -> circumstances and matches -> causes. Opens no file."""
