"""Personal data out of texts, sound and pictures: replaced, beeped, blurred; and nothing kept longer than said."""
