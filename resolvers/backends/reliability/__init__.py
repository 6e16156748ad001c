"""What stands between a caller and a source that is slow or down: bounds, a breaker, a budget for second calls."""
