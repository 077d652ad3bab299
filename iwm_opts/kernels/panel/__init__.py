"""Quotes of one slice, a day and an expiration: variance index, smile, rank."""
