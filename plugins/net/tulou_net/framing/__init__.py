"""Framers: pure codecs between a stream of bytes and frames."""
