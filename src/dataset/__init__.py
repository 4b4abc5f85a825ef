"""From a file, or from imagination, to arrays: loading → preprocessing → interactions → splitting."""
