"""The YAML and tables that ship: taxonomies, policies, pipelines and the starter concepts."""
