"""What is true of every account now: values, computed fields and scores, projected into one wide row each."""
