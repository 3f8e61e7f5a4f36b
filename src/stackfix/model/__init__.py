"""The nouns: frozen values that every floor above shares."""
