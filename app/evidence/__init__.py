"""Evidence bundles: what was recorded around one vehicle and one moment, as a ZIP that anybody can check alone."""
