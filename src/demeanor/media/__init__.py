"""Files, bytes and arrays to what the encoders take."""
