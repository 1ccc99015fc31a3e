-- Whose dead letters there are: for the operator, who then asks for those of one organisation.
SELECT DISTINCT org_id
FROM dead_letters
ORDER BY org_id
