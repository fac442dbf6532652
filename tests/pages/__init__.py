"""Each page, run by Streamlit itself without a browser."""
