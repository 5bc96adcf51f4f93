"""Small models that stages ship; each says in its module what it was trained on."""
