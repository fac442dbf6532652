"""Tests of the API, through requests as other programs send them."""
