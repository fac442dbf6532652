"""Works out which days a question means."""
