"""What the app's own JavaScript does in the browser, and the calls that put it on a page."""
