def findings_to_text(findings, **k): return ''
