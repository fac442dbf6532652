"""Page logic: each page run by Streamlit itself, without a browser."""
