def findings_to_json(findings, **k): return ''
