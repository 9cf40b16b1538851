"""Microscopy images: reading planes region by region, and writing what a network made of them."""
