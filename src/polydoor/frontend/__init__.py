"""Configurations of front ends: templates, one file each, and what is filled into them."""
