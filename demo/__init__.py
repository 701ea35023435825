"""The embedded demo data: drawn garments, the words that compare them, the choice of triplets."""
