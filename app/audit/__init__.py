"""The audit trail: one record for every answer, every refusal and every act of an operator."""
